"""The kinds of route, as bits; the masks of module functions are made of them."""

from typing import Final

REQUEST: Final = 1
REPLY: Final = 2
FAILURE: Final = 4
BRANCH: Final = 8

NAMES: Final = {REQUEST: "route", REPLY: "onreply_route", FAILURE: "failure_route", BRANCH: "branch_route"}
