"""Timeouts and polling intervals of the checks, in seconds."""

CHECK_TIMEOUT_SECONDS = 180.0
# A row or record whose expected value has not changed for this long must agree.
SETTLE_SECONDS = 15.0
POLL_SECONDS = 0.5
