"""The exceptions of sipexpress; every room may import them."""


class SipExpressError(Exception):
    """Base of every error that sipexpress raises on purpose."""


class ParseError(SipExpressError, ValueError):
    """A text from the wire or from a user does not follow its grammar."""


class UriError(ParseError):
    """Not a URI (RFC 3261 section 19.1, RFC 3966)."""


class HeaderError(ParseError):
    """Not a header field name or value (RFC 3261 section 20)."""


class MessageError(ParseError):
    """Not a SIP message (RFC 3261 section 7)."""


class ConfigError(SipExpressError):
    """A wrong option, parameter, TOML key or combination of modules."""


class RouteError(SipExpressError):
    """A function was called where it may not run, or with a wrong argument."""


class Exit(BaseException):
    """Ends the handler that runs (SER's ``exit``).

    A BaseException, so that ``except Exception`` in a router lets it pass.
    """
