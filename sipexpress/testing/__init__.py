"""The test kit: the real server on an in-memory wire with a virtual clock, and phones to call it.

from sipexpress.testing import RouterTestCase
"""

from sipexpress.testing.case import RouterTestCase
from sipexpress.testing.clock import VirtualClock
from sipexpress.testing.names import Names
from sipexpress.testing.phone import IncomingCall, OutgoingCall, Phone
from sipexpress.testing.wire import Wire

__all__ = ["IncomingCall", "Names", "OutgoingCall", "Phone", "RouterTestCase", "VirtualClock", "Wire"]
