#!/bin/bash
# Runs in the container that becomes the node image: what needs the image's own programs. Image archives are in /mnt.
set -o errexit -o nounset -o pipefail

# Units that a node in a container has no use for.
systemctl_folder=/usr/lib/systemd/system
rm -f "$systemctl_folder"/sysinit.target.wants/systemd-tmpfiles-setup.service \
  "$systemctl_folder"/multi-user.target.wants/* \
  "$systemctl_folder"/local-fs.target.wants/* \
  "$systemctl_folder"/sockets.target.wants/*udev* \
  "$systemctl_folder"/sockets.target.wants/*initctl* \
  "$systemctl_folder"/basic.target.wants/* \
  /etc/systemd/system/*.wants/*
systemctl enable kubelet.service containerd.service undo-mount-hacks.service
# It would register formats with the host's kernel.
systemctl mask systemd-binfmt.service
# The host's kernel messages would look like the node's.
echo ReadKMsg=no >>/etc/systemd/journald.conf

# What every container of the node starts from: containerd's own, with kind's hook, and without limits, which would be this container's.
ctr oci spec | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
  >/etc/containerd/cri-base.json

containerd >/tmp/containerd.log 2>&1 &
containerd=$!
for _ in {1..100}; do
  ctr version >/dev/null 2>&1 && break
  sleep 0.1
done
for archive in /mnt/*.tar; do
  # Pinned, so that the kubelet never removes what cannot be pulled again.
  if ! ctr --namespace=k8s.io images import --no-unpack --label=io.cri-containerd.pinned=pinned "$archive"; then
    tail -n 20 /tmp/containerd.log >&2
    exit 1
  fi
done
ctr --namespace=k8s.io images list --quiet
kill "$containerd"
wait "$containerd" || true
rm -f /tmp/containerd.log
