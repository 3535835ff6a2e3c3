"""OnTheFly: reinforcement learning of a policy that embeds partial sketches, rewarded by the right photo's rank."""
