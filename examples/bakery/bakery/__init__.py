"""A bakery that has to decide every evening what to bake for the next day."""
