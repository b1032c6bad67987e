"""The visitors' board: counts visits and says when each one was."""

import threading
from datetime import datetime


class Board:
    def __init__(self) -> None:
        self.visits = 0
        self._lock = threading.Lock()

    def visit(self, moment: datetime) -> str:
        """Count a visit and describe it."""
        with self._lock:
            self.visits += 1
            number = self.visits
        return f"visit {number} at {moment:%H:%m:%S}"

    def total(self) -> str:
        """Tell how many visits there were."""
        return f"{self.visits} visits"
