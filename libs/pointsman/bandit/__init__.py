"""Contextual bandits in pure numpy: arms, estimates, policies, rewards. No I/O."""

from pointsman.bandit.arm import Arm, ArmState, FloatArray
from pointsman.bandit.context import Mismatch, conform
from pointsman.bandit.epsilon_greedy import EpsilonGreedy
from pointsman.bandit.errors import ArmError, BanditError, ContextError, DistributionError, PolicyError
from pointsman.bandit.estimates import ArmStack, Estimates, Selection
from pointsman.bandit.fixed_policies import Cheapest, Static, Uniform
from pointsman.bandit.learner import Learner
from pointsman.bandit.linucb import LinUCB
from pointsman.bandit.policy import Policy, first_best, greedy
from pointsman.bandit.registry import ALGORITHMS, make_policy
from pointsman.bandit.reward import Ranges, Reward, RewardRule
from pointsman.bandit.sampling import Draw, sample, sample_rows
from pointsman.bandit.softmax import Softmax
from pointsman.bandit.thompson import Thompson

__all__ = [
    "ALGORITHMS",
    "Arm",
    "ArmError",
    "ArmStack",
    "ArmState",
    "BanditError",
    "Cheapest",
    "ContextError",
    "DistributionError",
    "Draw",
    "EpsilonGreedy",
    "Estimates",
    "FloatArray",
    "Learner",
    "LinUCB",
    "Mismatch",
    "Policy",
    "PolicyError",
    "Ranges",
    "Reward",
    "RewardRule",
    "Selection",
    "Softmax",
    "Static",
    "Thompson",
    "Uniform",
    "conform",
    "first_best",
    "greedy",
    "make_policy",
    "sample",
    "sample_rows",
]
