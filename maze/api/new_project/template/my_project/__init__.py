"""What this project is about: an environment, and whatever else its configuration names."""
