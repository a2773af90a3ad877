"""The controller role: watch timers and Jobs, keep the index equal to them, keep their status true."""
