"""A real Kubernetes control plane and a real Redis on loopback, for tests, demo and benchmarks.

No container engine is involved: etcd, kube-apiserver and kube-controller-manager run as plain processes, and a small
stand-in for a kubelet runs the containers' commands as local processes. THE STAND-IN ISOLATES NOTHING: what a Pod's
command does, it does on this machine, as the user who started the stack.
"""

from tests.cluster.errors import StackError
from tests.cluster.processes import Process
from tests.cluster.redis_server import RedisServer, running_redis
from tests.cluster.stack import Stack

__all__ = ["Process", "RedisServer", "Stack", "StackError", "running_redis"]
