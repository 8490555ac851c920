"""What a machine wants done: bits of one int, performed by the desk after the new state is set."""

from typing import Final

NOTHING: Final = 0
SEND: Final = 1
"""Send `machine.sent` (again) on its flow."""
DELIVER: Final = 2
"""Pass the message that came in upwards."""
ACK: Final = 4
"""Acknowledge the final response that came in (the ACK is kept and sent again for each)."""
TIMEOUT: Final = 8
"""The transaction has waited long enough for a response."""
TRYING: Final = 16
"""Send 100 upstream now (RFC 4320 section 4.1)."""
END: Final = 32
"""The transaction is over: take it out of its table."""
