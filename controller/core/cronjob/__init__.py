"""CronJob to RedisTimer and back, and what changes meaning on the way. No I/O."""
