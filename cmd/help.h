/* SPDX-License-Identifier: Apache-2.0 */
/* The help texts, made of the commands' tables; at most 80 columns. */
#ifndef FLOWCTL_CMD_HELP_H
#define FLOWCTL_CMD_HELP_H

#include <stdio.h>

#include "cmd.h"

extern const struct opt global_opts[];	/* main.c */

/* The help of @cmd (NULL: of the program) whose words are @name (" meter attach"). */
void help_print(FILE *f, const char *name, const struct cmd *cmd);

/* `flowctl __complete WORDS`: what may follow them, one a line; completion.c. */
int complete(int argc, char **argv);

#endif
