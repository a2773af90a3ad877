"""A small stand-in for a kubelet, so that real Jobs really complete or fail without a container engine.

IT ISOLATES NOTHING. A container's command runs as a plain local process, with this user's rights, files and network;
images are never pulled, and volumes, ports, probes, resources and security contexts are ignored. Give it only Pods
whose commands you would run yourself.

It watches all Pods and never binds them to a node; so the API server deletes them at once when asked to, and the
stand-in then ends their processes. What it does not support (environment from ConfigMaps and Secrets, sidecars), it
reports as the container's failure, with a message.
"""
