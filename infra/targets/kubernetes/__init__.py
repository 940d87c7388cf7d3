"""The target `kubernetes`: one FlinkDeployment for each job, kept by the Flink Kubernetes Operator."""

from infra.targets.kubernetes.target import KubernetesTarget

__all__ = ["KubernetesTarget"]
