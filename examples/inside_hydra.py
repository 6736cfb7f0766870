"""A Hydra application of one's own that trains with maze: neither disturbs the other."""

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from maze import RunContext


@hydra.main(version_base=None, config_path=None)
def application(config: DictConfig) -> None:
    """Take the algorithm from the application's own configuration: python inside_hydra.py +algorithm=a2c."""
    rc = RunContext(
        algorithm=config.get("algorithm", "ppo"),
        configuration="test",
        run_dir=Path(HydraConfig.get().runtime.output_dir) / "agent_run",
        seed=config.get("seed", 1),
    )
    print(rc.train())
    print("Hydra's files and the run lie in", rc.run_dir.parent)


if __name__ == "__main__":
    application()
