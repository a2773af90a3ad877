"""What is delivered: the chart, the manifests made from it, and the image."""
