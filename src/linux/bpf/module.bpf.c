/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Event 6: a module is in memory and checked, and will be started now. Attempts that fail before never come here. The file is
 * the one behind finit_module's descriptor; init_module has none, and then the module's name is all there is.
 */
#include "name.h"

#ifdef __TARGET_ARCH_arm64
#define CALL_FINIT_MODULE 273
#else
#define CALL_FINIT_MODULE 313
#endif
#define MODULE_NAME_SIZE 56

struct raw_arguments {
    __u64 args[1];
};

SEC("raw_tp/module_load")
int module_loaded(struct raw_arguments *ctx)
{
    struct module *module = (struct module *)ctx->args[0];
    struct task_struct *task = current_task();
    struct pt_regs *regs = registers_of(task);
    struct naming *naming;
    struct file *file = NULL;

    naming = naming_begin(WIRE_MODULE, WIRE_MODULE_UNVERIFIED);
    if (!naming)
        return 0;
    if (bpf_core_field_exists(module->sig_ok) && READ(module, sig_ok))
        naming->how = WIRE_MODULE_VERIFIED;
    if (READ(regs, orig_ax) == CALL_FINIT_MODULE)
        file = file_of(task, argument(regs, 0));
    if (file) {
        naming->dentry = READ(file, f_path.dentry);
        naming->mount = READ(file, f_path.mnt);
    }
    naming->argument = module->name;
    naming->is_kernel = true;
    naming->kernel_size = MODULE_NAME_SIZE;
    send_name();
    return 0;
}
