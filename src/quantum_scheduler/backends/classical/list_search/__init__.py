"""Search over list schedules: every order of the tasks is one schedule, and compiled kernels try many of them."""
