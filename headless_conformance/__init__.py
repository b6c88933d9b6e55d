"""The executable specification of Kubernetes headless Services."""
