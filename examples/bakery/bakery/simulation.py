"""The bakery itself: states, days and customers. Nothing here knows of agents, spaces or networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from maze.env import CoreEnv, RewardAggregatorInterface
from maze.statistics import EpisodeEvents, KpiCalculator, Pubsub

from .events import BakeryEvents

__all__ = ["PRODUCTS", "Bakery", "BakeryKpis", "BakeryState", "Profit"]

PRODUCTS = ("bread", "rolls")
DEMAND = {"bread": (2, 2, 2, 3, 4, 6, 0), "rolls": (4, 4, 4, 4, 5, 8, 6)}
"""Customers to be expected from Monday to Sunday."""


@dataclass(frozen=True, slots=True)
class BakeryState:
    """What there is in the evening.

    Attributes:
        weekday: of the day to come, 0 is Monday.
        left: items of today's that can be sold tomorrow once more, by product.
    """

    weekday: int
    left: dict[str, int]


class Profit(RewardAggregatorInterface):
    """The reward: what was earned, less flour, less the anger of customers who got nothing."""

    price, cost, anger = 1.0, 0.4, 0.2

    def get_interfaces(self) -> list[type]:
        """Return what it depends on."""
        return [BakeryEvents]

    def summarize_reward(self, maze_state: BakeryState) -> float:
        """Return the profit of one day."""
        worth = {BakeryEvents.sold: self.price, BakeryEvents.baked: -self.cost, BakeryEvents.missed: -self.anger}
        return sum(worth[call.event] * call.arguments["n_items"] for call in self.query_events(*worth))


class BakeryKpis(KpiCalculator):
    """What the baker asks at the end of the month."""

    def calculate_kpis(self, episode_event_log: EpisodeEvents, last_maze_state: BakeryState) -> dict[str, float]:
        """Return the share of customers served, and the share of items wasted."""

        def total(event: Any) -> float:
            return sum(call.arguments["n_items"] for call in episode_event_log.query_events(event))

        sold, missed = total(BakeryEvents.sold), total(BakeryEvents.missed)
        return {
            "served": sold / max(sold + missed, 1),
            "wasted": total(BakeryEvents.wasted) / max(total(BakeryEvents.baked), 1),
        }


class Bakery(CoreEnv):
    """A bakery that is open every day; what is not sold on the second day is thrown away.

    Args:
        n_days: after how many days the books are closed; business goes on, so the episode is cut off there.
    """

    def __init__(self, n_days: int) -> None:
        super().__init__()
        self.n_days = n_days
        pubsub = Pubsub(self.context.event_service)
        self.events = pubsub.create_event_topic(BakeryEvents)
        self.reward_aggregator = Profit()
        pubsub.register_subscriber(self.reward_aggregator)
        self._state = BakeryState(0, dict.fromkeys(PRODUCTS, 0))

    def reset(self) -> BakeryState:
        """Open on some day of the week, with nothing left."""
        self._state = BakeryState(int(self.generator.integers(7)), dict.fromkeys(PRODUCTS, 0))
        return self._state

    def step(self, maze_action: dict[str, int]) -> tuple[BakeryState, float, bool, dict[str, Any]]:
        """Bake, sell old things first, then fresh ones, and look at what is left."""
        state, left = self._state, {}
        for product, n_baked in maze_action.items():
            n_customers = int(self.generator.poisson(DEMAND[product][state.weekday]))
            n_old, n_fresh = state.left[product], n_baked
            n_sold = min(n_customers, n_old + n_fresh)
            left[product] = n_fresh - max(n_sold - n_old, 0)
            self.events.baked(product, n_baked)
            self.events.sold(product, n_sold)
            self.events.missed(product, n_customers - n_sold)
            self.events.wasted(product, max(n_old - n_sold, 0))
        self._state = BakeryState((state.weekday + 1) % 7, left)
        is_last = self.context.step_id + 1 == self.n_days
        return self._state, self.reward_aggregator.summarize_reward(self._state), is_last, {"truncated": is_last}

    def get_maze_state(self) -> BakeryState:
        """Return what there is this evening."""
        return self._state

    def get_kpi_calculator(self) -> BakeryKpis:
        """Return what judges a month."""
        return BakeryKpis()

    def state_dict(self) -> dict[str, Any]:
        """Return the evening, so that a run that was interrupted goes on exactly."""
        return {"weekday": self._state.weekday, "left": dict(self._state.left)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from an evening."""
        self._state = BakeryState(int(state["weekday"]), dict(state["left"]))
