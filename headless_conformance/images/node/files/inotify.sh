# A node takes 14 to 19 inotify instances, and they are counted over all containers of a user: the usual limit of 128 is reached
# with the second cluster, whose nodes then do not start. A higher limit stays as it is.
inotify_limit=$(</proc/sys/fs/inotify/max_user_instances)
if [[ "${inotify_limit}" -lt 1024 ]]; then
  echo 1024 >/proc/sys/fs/inotify/max_user_instances || log_warn 'cannot raise fs.inotify.max_user_instances'
fi

