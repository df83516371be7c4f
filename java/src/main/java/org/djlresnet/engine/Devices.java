package org.djlresnet.engine;

import ai.djl.Device;
import ai.djl.engine.Engine;
import org.djlresnet.UserException;

/** Devices by name. */
public final class Devices {

    private Devices() {}

    /**
     * Finds a device.
     *
     * @param name auto (the first GPU, or else the CPU), cpu, gpu or gpu:N
     * @return the device
     * @throws UserException if the name is none of these or there is no such GPU
     */
    public static Device of(String name) {
        if (name.equals("cpu")) {
            return Device.cpu();
        }
        int gpus = Engine.getInstance().getGpuCount();
        if (name.equals("auto")) {
            return gpus > 0 ? Device.gpu() : Device.cpu();
        }
        if (!name.matches("gpu(:\\d{1,3})?")) {
            throw new UserException(
                    "Unknown device \"" + name + "\". Allowed: auto, cpu, gpu or gpu:N");
        }
        int id = name.equals("gpu") ? 0 : Integer.parseInt(name.substring(4));
        if (id >= gpus) {
            throw new UserException(
                    String.format(
                            "There is no device \"%s\": the %s engine sees %d GPUs. Use \"cpu\", or"
                                    + " see what doctor says",
                            name, Engine.getInstance().getEngineName(), gpus));
        }
        return Device.gpu(id);
    }
}
