"""Sockets and names: UDP and TCP flows, listening, RFC 3263 look-ups. Messages are bytes
here; what they mean is the server's business."""
