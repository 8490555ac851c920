"""Floor 3, the desk: it joins transports and transaction machines, runs the handlers of a
router for what comes in, and performs what machines and modules want done."""
