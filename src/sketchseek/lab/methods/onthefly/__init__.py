"""OnTheFly: a policy that embeds unfinished sketches, rewarded by the rank of the right photo."""
