"""Every run records how to repeat it, also where lambdas and classes of the script took part."""

import json

from maze import GymMazeEnv, RewardWrapper, RunContext, replay


class Doubled(RewardWrapper):
    """A class of this script; the record holds it by value."""

    def reward(self, reward):
        return 2.0 * reward


if __name__ == "__main__":
    rc = RunContext(
        env=lambda: GymMazeEnv("Acrobot-v1", max_episode_steps=50),
        wrappers=Doubled,
        algorithm="a2c",
        configuration="test",
        run_dir="recorded",
    )
    rc.train()
    rc.evaluate(n_episodes=3)

    record = json.loads((rc.run_dir / "record.json").read_text())
    for call in record["calls"]:
        print(call["method"], call["arguments"])
    report = replay("recorded", allow_code=True, silent=True)  # in a shell: maze-run replay recorded --allow-code
    print("bit-identical" if report.identical else report.first)
