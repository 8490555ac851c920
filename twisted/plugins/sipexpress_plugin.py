"""Makes ``twistd sipexpress`` known."""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker(
    "sipexpress",
    "sipexpress.tap",
    "A SIP server whose routing logic is a Python class.",
    "sipexpress",
)
