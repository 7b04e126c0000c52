"""Pipeline executions: what a step's expressions mean, when a step may start, and what each type of step does."""
