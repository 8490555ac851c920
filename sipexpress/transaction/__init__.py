"""Floor 1, pure: the machines of RFC 3261 section 17 and RFC 6026, the response context of
section 16, matching keys and the timer wheel. Time goes in, effects come out."""
