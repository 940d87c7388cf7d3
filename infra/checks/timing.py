"""Timeouts and polling intervals of the checks, in seconds."""

CHECK_TIMEOUT_SECONDS = 180.0
# A row that differs with the same expected value for this long must agree.
SETTLE_SECONDS = 15.0
# How long rows that differ from a snapshot are followed at least, before another one is taken.
FOLLOW_SECONDS = 2.0
# How often the end offsets of the topics are looked at.
POLL_SECONDS = 0.25
# The pause before the next comparison if the topics do not grow: the source may have changed. It doubles each time.
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.5, 4.0
