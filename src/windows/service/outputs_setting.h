/* SPDX-License-Identifier: MIT */
/* Outputs beside the event log: REG_MULTI_SZ value `Outputs` in the service's Parameters key, one KIND:TARGET per string. */
#pragma once

/* UTF-8 texts ending with NULL, to be freed below; NULL when there are none. */
char **outputs_setting_load(const wchar_t *service, unsigned *count);
void outputs_setting_free(char **outputs);
