"""When to compare: first wait until the topics stop growing, and compare again only if something can have changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from infra.checks.timing import FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS, POLL_SECONDS
from infra.checks.topic_log import TopicLog
from infra.kafka.bulk import Partition
from infra.pipeline.naming import TASK_LOGGER

# Topics that grow by less than this between two looks count as quiet, so that a source that changes a little
# all the time does not delay the comparison: records, and the share of all records.
CALM_RECORDS, CALM_SHARE = 250, 0.0005
# The share of the time that is spent on waiting for quiet topics; a busy source may never let them rest.
CALM_TIME = 0.5
LOG_SECONDS = 10.0
# How often a wait looks at the jobs.
HOPE_SECONDS = 2.0
log = logging.getLogger(TASK_LOGGER)


class Rounds:
    """The rounds of a check, until its deadline (of the monotonic clock); counts the records read."""

    def __init__(self, topics: TopicLog, begun: float, timeout_seconds: float) -> None:
        self.records = 0
        self._topics = topics
        self._deadline = begun + timeout_seconds
        self._calm_until = begun + CALM_TIME * timeout_seconds
        self._pause = FIRST_PAUSE_SECONDS
        self._logged = begun

    def await_calm(self, is_hopeless: Callable[[], object] = lambda: False) -> None:
        """Read the topics until they stop growing; not in the later part of the time, nor if waiting is hopeless."""
        asked = time.monotonic()
        while time.monotonic() < self._calm_until:
            begun = time.monotonic()
            self.read()
            read = self._topics.ends
            time.sleep(min(POLL_SECONDS, max(0.0, self._calm_until - time.monotonic())))
            rate = _growth(read, self._topics.end_offsets()) / (time.monotonic() - begun)
            if rate * POLL_SECONDS <= CALM_RECORDS + CALM_SHARE * sum(read.values()):
                return
            if time.monotonic() - asked >= HOPE_SECONDS:
                if is_hopeless():
                    return
                asked = time.monotonic()
            self._report(f"the topics are still growing, by {rate:,.0f} records/s")

    def read(self) -> None:
        """Read the topics to their current ends."""
        self.records += self._topics.refresh()

    def await_change(self, seconds: float, situation: str) -> None:
        """Wait until a topic has grown, or for a growing pause, at the latest until the deadline.

        `seconds` is the duration of the last comparison: the pause is at least as long.
        """
        pause = max(self._pause, seconds)
        self._pause = min(LAST_PAUSE_SECONDS, 2 * self._pause)
        resumed = min(time.monotonic() + pause, self._deadline)
        while time.monotonic() < resumed:
            if _growth(self._topics.ends, self._topics.end_offsets()):
                self._pause = FIRST_PAUSE_SECONDS
                return
            self._report(situation)
            time.sleep(min(POLL_SECONDS, max(0.0, resumed - time.monotonic())))

    def await_growth(self, until: float) -> bool:
        """Wait until a topic has grown; return False if `until`, or the deadline, is over."""
        while (left := min(until, self._deadline) - time.monotonic()) > 0:
            if _growth(self._topics.ends, self._topics.end_offsets()):
                return True
            time.sleep(min(POLL_SECONDS, left))
        return False

    def _report(self, situation: str) -> None:
        now = time.monotonic()
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            log.info("checks: %s; at most %.0f s left", situation, max(0.0, self._deadline - now))


def _growth(before: Mapping[Partition, int], after: Mapping[Partition, int]) -> int:
    return sum(max(0, end - before.get(partition, 0)) for partition, end in after.items())
