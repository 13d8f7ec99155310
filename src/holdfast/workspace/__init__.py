"""Finding and loading what people write: the workspace's files into frozen types, all problems at once."""
