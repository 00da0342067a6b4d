"""The parts of joint label transfer: rows, losses, stages, neighbours, votes, counts."""
