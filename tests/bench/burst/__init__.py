"""Many timers due at one instant: how fast are their Jobs there, beside CronJob and beside the plain limit?"""
