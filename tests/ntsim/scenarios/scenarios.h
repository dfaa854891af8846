/* SPDX-License-Identifier: MIT */
/* Every scenario's function; index.c names them. */
#ifndef NTSIM_SCENARIOS_H
#define NTSIM_SCENARIOS_H

#include "../scenario.h"
#include "../sched.h"

void load_and_unload(void);

void process_create(void);
void process_parent(void);
void process_tokens(void);
void process_texts(void);
void process_exit(void);
void process_old_exit(void);
void process_subsystem(void);
void process_many(void);
void thread_remote(void);
void thread_remote_nowhere(void);
void thread_local(void);
void image_process(void);
void image_driver(void);
void tamper_locked(void);
void tamper_deleted(void);
void tamper_replaced(void);
void tamper_none(void);

#endif
