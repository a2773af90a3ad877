"""`redistimer import` and `redistimer export`: CronJobs to RedisTimers, and back."""
