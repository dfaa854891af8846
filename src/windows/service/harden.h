/* SPDX-License-Identifier: MIT */
/* First thing in every role: no DLLs from the current folder, no error boxes, mitigations where the system has them. */
#pragma once

void process_harden(void);
