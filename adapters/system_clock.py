"""The machine's clock."""

import time


class SystemClock:
    """Implements `domain.ports.Clock`."""

    def now_us(self) -> int:
        return time.time_ns() // 1000
