"""Whether a machine or a container image can do a worker's job; `pile check-worker` shows what these checks find."""
