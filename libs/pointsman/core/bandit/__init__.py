"""Contextual bandits in NumPy, without I/O: arms, estimates, policies and rewards."""

from pointsman.core.bandit.arm import Arm
from pointsman.core.bandit.arm_state import ArmState, FloatArray, OutcomeParts
from pointsman.core.bandit.context import Mismatch, conform
from pointsman.core.bandit.drift import Alarm, ArmEstimate, DriftMonitor
from pointsman.core.bandit.epsilon_greedy import EpsilonGreedy
from pointsman.core.bandit.errors import ArmError, BanditError, ContextError, DistributionError, PolicyError
from pointsman.core.bandit.estimates import ArmStack, Estimates, Selection
from pointsman.core.bandit.fixed_policies import Cheapest, Static, Uniform
from pointsman.core.bandit.learner import Learner
from pointsman.core.bandit.linucb import LinUCB
from pointsman.core.bandit.parameters import parameters_type
from pointsman.core.bandit.policy import Policy, first_best, greedy, scores, uses_rewards
from pointsman.core.bandit.registry import ALGORITHMS, BUILT_IN, make_policy, static_arm
from pointsman.core.bandit.reward import Normalizer, Outlier, Ranges, Reward, RewardRule, RewardSettings
from pointsman.core.bandit.sampling import Draw, sample, sample_rows
from pointsman.core.bandit.scaled_linucb import ScaledLinUCB
from pointsman.core.bandit.softmax import Softmax
from pointsman.core.bandit.thompson import ScaledThompson, Thompson

__all__ = [
    "ALGORITHMS",
    "BUILT_IN",
    "Alarm",
    "Arm",
    "ArmError",
    "ArmEstimate",
    "ArmStack",
    "ArmState",
    "BanditError",
    "Cheapest",
    "ContextError",
    "DistributionError",
    "Draw",
    "DriftMonitor",
    "EpsilonGreedy",
    "Estimates",
    "FloatArray",
    "Learner",
    "LinUCB",
    "Mismatch",
    "Normalizer",
    "OutcomeParts",
    "Outlier",
    "Policy",
    "PolicyError",
    "Ranges",
    "Reward",
    "RewardRule",
    "RewardSettings",
    "ScaledLinUCB",
    "ScaledThompson",
    "Selection",
    "Softmax",
    "Static",
    "Thompson",
    "Uniform",
    "conform",
    "first_best",
    "greedy",
    "make_policy",
    "parameters_type",
    "sample",
    "sample_rows",
    "scores",
    "static_arm",
    "uses_rewards",
]
