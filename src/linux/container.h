/* SPDX-License-Identifier: MIT */
/* The container a process runs in, told from its control group's path. */
#pragma once

#include "sysmon/event.h"

/*
 * Container managers name the group after the container: 64 hexadecimal digits (docker, containerd, cri-o, podman), alone
 * or as `docker-<id>.scope`, `cri-containerd-<id>.scope`; or `lxc/<name>`, `lxc.payload.<name>`, `machine.slice/machine-<name>.scope`.
 * `path`: components separated by `/` or NUL, in any order. Empty when it is none of these; else a part of `path`.
 */
struct match_text container_id(struct match_text path);
