"""`TARGET=` on a real control plane and real CoreDNS: what is right passes, each error fails, nothing is
written."""
