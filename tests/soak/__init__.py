"""The product over a long time, with timers that come and go: nothing may be left of those that went.

``make soak FOR=600``. Memory, descriptors, tasks, Redis keys and what the controller has in mind are sampled; at the
end, when all timers are gone, everything is back where it was before the first.
"""
