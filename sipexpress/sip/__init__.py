"""The language of SIP, pure: messages, headers, URIs. Bytes in, bytes out; the standard
library only, no clock, no sockets, no randomness."""
