"""Scaling policies as small typed objects, and a replay of what Application Auto Scaling makes of them. Pure: numpy at most.

`policies` says what may be deployed, `demand` what will come, `fleet` what an instance can do, `replay` what happens then.
"""
