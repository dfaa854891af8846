/* SPDX-License-Identifier: MIT */
/* Entry point of the command line: picks the subcommand or the classic switches. */
#include <stdio.h>

int main(void)
{
    fputs("sysmon: not yet\n", stderr);
    return 87;
}
