"""How long what a test asks of a cluster may stay silent, in seconds. Every bound on a single call is here;
how long something may take to become true is in `cluster.waiting`."""

SILENCE_SECONDS = 40.0
"""Bound on a silence of the API server, or of a Pod behind it. A control plane that stands still for 30 s
does no harm."""

COMMAND_SECONDS = 60.0
"""Bound on a command in a Pod and on a kubectl."""

WATCH_SECONDS = 5.0
"""How long one watch lasts before it is begun anew, so that a server that died in it is noticed."""

LOOK_SECONDS = 5.0
"""Bound on the API server's answer to a look at the cluster as a whole."""

NODE_SECONDS = 10.0
"""Bound on a kubelet's answer to such a look: on a busy machine a healthy one was silent for over 3 s."""

STALL_SECONDS = 10.0
"""A call that takes longer met a cluster that stood still: what failed meanwhile says nothing."""

LOOK_AGAIN_SECONDS = 10.0
"""How long what did not answer is taken to be so, before it is looked at again."""
