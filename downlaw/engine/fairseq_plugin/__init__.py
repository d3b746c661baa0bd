"""A fairseq `--user-dir` plugin: tasks that train to the bit alike, wherever a training is cut and resumed.

fairseq's `denoising` draws span lengths from torch's global generator, so that a run cut in two masks other
spans than an uncut one. Here every block is masked under a generator state of its own, given by (seed, epoch,
block). fairseq's `translation` makes its batches in the first epoch that a process sees, by its seed,
so that a run resumed later has other batches. Here they are always those of the first epoch. And fairseq's
`language_modeling` shuffles blocks; here they are read in the order of the file. A mixture is a view of
pools, which fairseq reads as it reads any of its datasets.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from fairseq.data import BaseWrapperDataset, FairseqDataset, indexed_dataset
from fairseq.tasks import register_task
from fairseq.tasks.denoising import DenoisingConfig, DenoisingTask
from fairseq.tasks.language_modeling import LanguageModelingConfig, LanguageModelingTask
from fairseq.tasks.translation import TranslationTask

from downlaw.engine.view import View, view_files


class ViewDataset(FairseqDataset):
    """The blocks of a view as items."""

    def __init__(self, path: str) -> None:
        self.view = View(Path(path))
        self.sizes = np.full(len(self.view), self.view.pieces, np.int32)

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(self.view[index].astype(np.int64))

    def __len__(self) -> int:
        return len(self.view)

    def num_tokens(self, index: int) -> int:
        return self.view.pieces

    def size(self, index: int) -> int:
        return self.view.pieces


_make_dataset = indexed_dataset.make_dataset


def _make_dataset_or_view(path: str, *arguments, **options):
    if view_files(Path(path))[0].exists():
        return ViewDataset(path)
    return _make_dataset(path, *arguments, **options)


indexed_dataset.make_dataset = _make_dataset_or_view


class MaskedByIndex(BaseWrapperDataset):
    """A denoising dataset that seeds torch for each item and leaves the global generator untouched."""

    def __init__(self, dataset, seed: int) -> None:
        super().__init__(dataset)
        self.seed = seed
        self.epoch = 1

    def set_epoch(self, epoch: int) -> None:
        super().set_epoch(epoch)
        self.epoch = epoch

    def __getitem__(self, index: int):
        # The generator itself: torch.manual_seed and fork_rng see to GPUs too, for a fifth of an update.
        generator = torch.default_generator
        before = generator.get_state()
        seed = np.random.SeedSequence([self.seed, self.epoch, int(index)]).generate_state(1, np.uint64)
        generator.manual_seed(int(seed[0]))
        try:
            return self.dataset[index]
        finally:
            generator.set_state(before)


@register_task("text_infilling", dataclass=DenoisingConfig)
class TextInfillingTask(DenoisingTask):
    """fairseq's `denoising` with masks that do not depend on where training was cut."""

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs) -> None:
        super().load_dataset(split, epoch=epoch, combine=combine, **kwargs)
        self.datasets[split] = MaskedByIndex(self.datasets[split], self.cfg.seed)


@register_task("language_modeling_in_order", dataclass=LanguageModelingConfig)
class LanguageModelingInOrderTask(LanguageModelingTask):
    """fairseq's `language_modeling` over blocks in the order of the file: what is read up to an update is a
    prefix of what is read up to a later one."""

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs) -> None:
        super().load_dataset(split, epoch=epoch, combine=combine, **kwargs)
        self.datasets[split].shuffle = False


_get_batch_iterator = TranslationTask.get_batch_iterator


def _get_the_batches_of_the_first_epoch(self, dataset, *args, epoch: int = 1, **kwargs):
    cached = dataset in self.dataset_to_epoch_iter
    iterator = _get_batch_iterator(self, dataset, *args, epoch=1, **kwargs)
    if not cached:
        dataset.set_epoch(epoch)
        iterator.epoch = max(epoch, 1)
    return iterator


# Not a task of another name: a finetuned model is to be loaded by fairseq alone.
TranslationTask.get_batch_iterator = _get_the_batches_of_the_first_epoch
