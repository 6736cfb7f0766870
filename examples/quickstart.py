"""Train an agent, measure it, and let it act."""

from maze import RunContext

if __name__ == "__main__":
    # configuration="test" trains for a moment; leave it out, and the agent solves CartPole.
    rc = RunContext(env="gym_env", algorithm="ppo", configuration="test", seed=1)
    summary = rc.train()
    print(f"{summary.n_epochs} epochs, {summary.n_steps} steps, best return {summary.best_return:.0f}")
    print("mean return of 20 episodes:", rc.evaluate(n_episodes=20).mean_return)

    env = rc.env_factory()
    observation = env.reset()
    done, steps = False, 0
    while not done:
        action = rc.compute_action(observation, deterministic=True)
        observation, reward, done, info = env.step(action)
        steps += 1
    print(f"one episode of {steps} steps, which {'ended' if info['terminated'] else 'was cut off'}")
    print("everything about this run is in", rc.run_dir)
