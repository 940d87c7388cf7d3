"""The target `kubernetes`: one FlinkDeployment for each job, reconciled by the Flink Kubernetes Operator."""

from infra.targets.kubernetes.target import KubernetesTarget, kubernetes_target

__all__ = ["KubernetesTarget", "kubernetes_target"]
