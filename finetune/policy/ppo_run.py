"""A run of proximal policy optimisation from its first step, or its last checkpoint, to its end.

The callbacks of transformers' Trainer log it and tell when to save and to stop, so that it is watched,
tracked and resumed like every other method::

    RUN/checkpoint-STEP/state.pt     what PpoLoop.state gives
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import torch
from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import integration_utils
from transformers.trainer_callback import CallbackHandler, DefaultFlowCallback

from finetune.policy.ppo_loop import PpoLoop
from finetune.training.run_log import RunLog
from finetune.training.saved_state import (
    checkpoint_folder,
    drop_broken_checkpoints,
    last_checkpoint,
    read_log,
)

STATE = "state.pt"


def run_ppo(loop: PpoLoop, log: RunLog, arguments: TrainingArguments) -> None:
    """Go on from the last checkpoint in the output folder, if there is one, to the end of ``loop``."""
    output = Path(cast("str", arguments.output_dir))
    _restore(loop, log, output)
    state: Any = TrainerState(max_steps=loop.steps, global_step=loop.done)
    state.compute_steps(arguments, loop.steps)
    trackers = cast("Any", integration_utils).get_reporting_integration_callbacks(arguments.report_to)
    flow: Any = CallbackHandler([DefaultFlowCallback(), log, *trackers], loop.policy.model, None, None, None)
    control: Any = flow.on_train_begin(arguments, state, TrainerControl())
    while loop.done < loop.steps and not control.should_training_stop:
        figures = loop.step()
        state.global_step = loop.done
        control = flow.on_step_end(arguments, state, control)
        if control.should_log:
            control = flow.on_log(arguments, state, control, logs=figures)
        if control.should_save:
            _save(loop, output)
            control = flow.on_save(arguments, state, control)
    flow.on_train_end(arguments, state, control)


def _restore(loop: PpoLoop, log: RunLog, output: Path) -> None:
    drop_broken_checkpoints(output)
    checkpoint = last_checkpoint(output)
    if checkpoint is not None:
        log.restore(read_log(checkpoint))
        loop.restore(torch.load(checkpoint / STATE, map_location="cpu", weights_only=True))


def _save(loop: PpoLoop, output: Path) -> None:
    """Write the state of ``loop``; it counts when the log has completed it, so the one before is kept."""
    kept, folder = last_checkpoint(output), checkpoint_folder(output, loop.done)
    folder.mkdir()
    torch.save(loop.state(), folder / STATE)
    for other in output.glob("checkpoint-*"):
        if other not in {kept, folder}:
            shutil.rmtree(other)
