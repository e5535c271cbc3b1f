/* The CPU library: the list of everything that Java may call. */
#ifndef THAW_CPU_H
#define THAW_CPU_H

#define THAW_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up when a function below changes its meaning; Java refuses a library of another version. */
THAW_API int thaw_cpu_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif
